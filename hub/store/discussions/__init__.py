"""What others say: threads, mentions, where they lead, the index of words, digests."""
