"""The note: drafts, the recommendation aid, signing, the patient's summary."""
