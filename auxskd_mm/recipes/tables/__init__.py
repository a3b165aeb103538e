"""Tables of a recipe: labels per class, means with 95% intervals and paired differences."""
