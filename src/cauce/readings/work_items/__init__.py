"""The data sets of work items (PS3.4 table CC.2.5-3), in DICOM's JSON model: what they must hold, what they say."""
