"""Third persons: the therapist's invitations, and the page behind their link."""
