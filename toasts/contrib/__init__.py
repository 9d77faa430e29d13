"""What a site can leave out: support for other packages."""
