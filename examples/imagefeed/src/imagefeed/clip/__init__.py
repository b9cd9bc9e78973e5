"""Says what a picture shows, by contrastive image-text inference; it never fetches a picture or writes a row."""
