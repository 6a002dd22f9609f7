"""What a node does: runs the containers of its pods as process groups, watches them, and tells how they are."""
