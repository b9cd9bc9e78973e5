"""The catalogue of cheats, written once as templates and crossed with bugs; it judges nothing by itself."""
