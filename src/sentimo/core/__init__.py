"""Values: label spaces, documents, predictions and bundles. numpy at most."""
