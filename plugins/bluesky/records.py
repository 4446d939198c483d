"""Makes what a record wants and a post does not say: times, a card's title, an image's proportions."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from urllib.parse import urlsplit

from hub import Post
from plugins.bluesky.wire import AspectRatio

GRAPHEMES, BYTES = 300, 3000  # of a text; lexicons/app/bsky/feed/post.json
_ORIENTATION = 0x0112  # of EXIF; from 5 on the image lies on its side


def stamp(moment: datetime) -> str:
    """Return a time in UTC as records have it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def card_title(post: Post) -> str:
    """Return what stands on the link's card: the post's title, which may be its first line, or the link's host."""
    first, _, rest = post.text.partition("\n")
    return post.title or (first if rest.strip() else "") or urlsplit(post.link).netloc


def aspect_ratio(content: bytes) -> AspectRatio | None:
    """Return width and height as they are shown, None for a file that cannot be read."""
    from PIL import Image

    try:
        with Image.open(BytesIO(content)) as image:
            turned = image.getexif().get(_ORIENTATION, 1) >= 5
            width, height = image.size
    except Exception:  # Pillow's readers raise nearly anything for a damaged file; the network judges it
        return None
    return AspectRatio(height, width) if turned else AspectRatio(width, height)
