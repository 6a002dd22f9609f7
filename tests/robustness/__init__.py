"""What a sandbox withstands: kills, a full disk, many of everything, and going round a thousand times."""
