"""Jobs as users write them, in the words of the document."""
