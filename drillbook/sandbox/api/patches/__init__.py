"""The three ways to change a part of an object: JSON patch, merge patch, strategic merge patch."""
