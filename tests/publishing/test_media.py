"""Whether an image is what it says, whole, and of a kind that networks take."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from hub.errors import RejectedError
from hub.publishing.media import read_image


def picture(kind: str, size: tuple[int, int] = (64, 36), **options: object) -> bytes:
    file = BytesIO()
    Image.effect_noise(size, 50).convert("RGB").save(file, kind, **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def claimed_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims a size."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "mime"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/gif"), ("WEBP", "image/webp")],
)
def test_each_kind_that_networks_take_passes_unchanged(kind: str, mime: str) -> None:
    content = picture(kind)
    media = read_image(content, "photo")
    assert (media.content, media.mime) == (content, mime)


def test_the_type_comes_from_the_content_not_from_the_name() -> None:
    assert read_image(picture("JPEG"), "photo.png").mime == "image/jpeg"


def test_the_alt_text_is_passed_through() -> None:
    assert read_image(picture("PNG"), "photo.png", alt="A harbour").alt == "A harbour"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "a web page"),
        (b"\n <html>", "a web page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"%PDF-1.7", "a PDF file"),
        (b"\0\0\0\x18ftypheic", "a HEIC image"),
        (b"\0\0\0\x18ftypmp42", "a video"),
        (b'{"error": "no such file"}', "a JSON document"),
        (b"", "an empty file"),
        (b"\1\2\3\4\5\6\7\x08", "a file of an unknown kind"),
        (b"\x89PNG\r\n", "a broken PNG image"),
    ],
)
def test_what_is_no_image_is_refused_by_its_own_name(content: bytes, what: str) -> None:
    with pytest.raises(RejectedError) as refused:
        read_image(content, "photo.png")
    assert str(refused.value) == f"photo.png is {what}, not an image that can be published"
    assert refused.value.hint == "give a PNG, JPEG, GIF or WebP image"


@pytest.mark.parametrize("kind", ["BMP", "TIFF", "ICO", "PPM"])
def test_an_image_of_another_kind_is_refused(kind: str) -> None:
    with pytest.raises(RejectedError, match="not an image that can be published"):
        read_image(picture(kind), "photo.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    content = picture(kind, (300, 200))
    with pytest.raises(RejectedError) as refused:
        read_image(content[: len(content) // 2], "photo")
    assert refused.value.hint in ("save or download it anew", "give a PNG, JPEG, GIF or WebP image")


def test_a_png_with_a_damaged_byte_is_refused() -> None:
    content = bytearray(picture("PNG"))
    content[content.index(b"IDAT") + 20] ^= 0xFF
    with pytest.raises(RejectedError, match="photo is a damaged image"):
        read_image(bytes(content), "photo")


@pytest.mark.parametrize("size", [(10_000, 5_001), (10_000, 9_000), (60_000, 60_000)])
def test_more_pixels_than_the_cap_are_refused_before_they_are_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(RejectedError) as refused:
        read_image(claimed_png(*size), "bomb.png")
    assert str(refused.value) == "bomb.png has too many pixels: more than 50 million"


def test_an_animation_of_too_many_pixels_is_refused() -> None:
    frames = [Image.new("L", (2, 2), 20 * shade) for shade in range(11)]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    content = file.getvalue()
    with pytest.raises(RejectedError, match="too many pixels"):
        read_image(content[:6] + struct.pack("<HH", 7000, 7000) + content[10:], "dance.gif")


def test_a_short_animation_passes() -> None:
    frames = [Image.new("P", (30, 30), shade) for shade in range(5)]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert read_image(file.getvalue(), "dance.gif").mime == "image/gif"
