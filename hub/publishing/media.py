"""Looks at an image before it is published: is it what it says, whole, and of a kind that networks take?"""

from __future__ import annotations

import warnings
from io import BytesIO

from hub.errors import RejectedError
from hub.models import Media

FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
MAX_PIXELS = 50_000_000
# All frames of an animation together: every one of them is unpacked by who shows it.
MAX_ANIMATED_PIXELS = 500_000_000
_BEGINNINGS = (
    (b"%PDF", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"\0\0\1\0", "an icon"),
    (b"\x89PNG", "a broken PNG image"),
    (b"\xff\xd8", "a broken JPEG image"),
    (b"GIF8", "a broken GIF image"),
    (b"{", "a JSON document"),
    (b"<svg", "an SVG drawing"),
    (b"<html", "a web page"),
    (b"<!doctype html", "a web page"),
    (b"<?xml", "an XML document"),
)


def read_image(content: bytes, name: str, alt: str = "") -> Media:
    """Return the image with the MIME type that it really has, whatever its name says.

    `name` is for the message. Raises `RejectedError` for what is not a PNG, JPEG, GIF or WebP image, is cut off,
    or would unpack to more than 50 million pixels.
    """
    from PIL import Image, UnidentifiedImageError

    # Pillow warns from 89 million pixels on, which is no limit of ours; nothing may slip through as a warning.
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(content), formats=("PNG", "JPEG", "GIF", "WEBP")) as image:
            mime = FORMATS[image.format or ""]
            _check_size(image.width * image.height, getattr(image, "n_frames", 1), name)
            image.load()
    except UnidentifiedImageError:
        raise RejectedError(
            "{name} is {what}, not an image that can be published",
            name=name,
            what=_what(content),
            hint="give a PNG, JPEG, GIF or WebP image",
        ) from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise _too_large(name) from None
    except RejectedError:
        raise
    except Exception as error:
        # Pillow's readers raise nearly anything (OSError, SyntaxError, struct.error …) for a damaged file.
        raise RejectedError(
            "{name} is a damaged image: {why}",
            name=name,
            why=str(error) or type(error).__name__,
            hint="save or download it anew",
        ) from None
    return Media(content=content, mime=mime, alt=alt)


def _check_size(pixels: int, frames: int, name: str) -> None:
    if pixels > MAX_PIXELS or pixels * frames > MAX_ANIMATED_PIXELS:
        raise _too_large(name)


def _too_large(name: str) -> RejectedError:
    return RejectedError(
        "{name} has too many pixels: more than {limit} million",
        name=name,
        limit=MAX_PIXELS // 1_000_000,
        hint="make it smaller",
    )


def _what(content: bytes) -> str:
    """Say what a file that is no image looks like."""
    if not content:
        return "an empty file"
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if content[4:8] == b"ftyp":
        brand = content[8:12]
        return (
            "a HEIC image"
            if brand in (b"heic", b"heix", b"mif1")
            else "an AVIF image"
            if brand == b"avif"
            else "a video"
        )
    found = next((what for begin, what in _BEGINNINGS if start[: len(begin)].lower() == begin.lower()), "")
    return found or "a file of an unknown kind"
