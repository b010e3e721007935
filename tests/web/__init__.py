"""The pages, as a browser and as a hostile site would meet them."""
