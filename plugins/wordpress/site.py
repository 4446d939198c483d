"""What hub.toml says about a WordPress site, and where its REST API is."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from hub import AccountSettings


class Settings(AccountSettings):
    """`api_url` is the site, its /wp-json, or `https://example.org/?rest_route=/` without pretty permalinks.

    `password` is an application password. A post gets `status`, `categories` (names, slugs or ids),
    `comment_status`, with `excerpt` its first paragraph as excerpt, and is `author`'s, a user's id; then only
    that user's posts are read, too. `reads` says what a route takes from here. `image_bytes` is what the host
    takes: WordPress does not tell.
    """

    api_url: str
    user: str
    password: SecretStr
    status: Literal["publish", "draft", "pending", "private"] = "publish"
    categories: tuple[int | str, ...] = ()
    author: int | None = Field(None, gt=0)
    comment_status: Literal["open", "closed"] | None = None
    excerpt: bool = False
    reads: Literal["content", "excerpt"] = "content"
    held: bool = False
    trash: bool = True
    image_bytes: int = Field(8 << 20, gt=0)

    @field_validator("api_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError("write the site's address, such as https://example.org")
        return url


def address(api_url: str) -> tuple[str, bool]:
    """Return the site's address, and whether its API is under /wp-json."""
    url, route, _ = api_url.partition("?rest_route=")
    home = url.rstrip("/").removesuffix("/index.php") if route else url.rstrip("/").removesuffix("/wp/v2")
    return home.removesuffix("/wp-json").rstrip("/"), not route
