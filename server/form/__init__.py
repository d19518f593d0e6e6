"""The note form as data: one definition drives the page, validation, labels and, later, the FHIR export."""
