"""Virtual boards and bad links: whatever gives a link without a board on a desk."""
