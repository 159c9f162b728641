"""The review page: an offline HTML file in which people decide what unknown spellings mean."""
