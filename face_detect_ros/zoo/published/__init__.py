"""Published weights: the catalogue of them, fetching, records and digests."""
