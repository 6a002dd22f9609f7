"""A fleet of endpoints that answer slowly, observed by Drillbook and, one after another, by pytest-testinfra."""
