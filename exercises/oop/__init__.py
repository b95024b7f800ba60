"""Point 2: patients, studies and diagnoses as classes."""
