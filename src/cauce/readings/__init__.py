"""What one file says, without a platform: a table's statistics, a DICOM file's facts, elements of numbers."""
