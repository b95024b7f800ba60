"""DICOMweb (PS3.18): what other DICOM systems speak over HTTP."""
