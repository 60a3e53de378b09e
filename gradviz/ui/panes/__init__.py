"""The panes of the page, one file each: what Dash lays out, and what a server callback fills."""
