"""The rooms of the API, in the order in which its document lists them."""

from hub.web.api import accounts, contacts, discussions, document, mentions, others, posts

ROOMS = (mentions.room, discussions.room, posts.room, accounts.room, contacts.room, others.room, document.room)
