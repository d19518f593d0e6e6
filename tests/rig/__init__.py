"""What tests stand on: real browsers, real stores, real processes. No test lives here."""
