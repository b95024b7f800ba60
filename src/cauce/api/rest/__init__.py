"""The REST interface under `/api/`: routes and serializers; what they show comes through `visible_to(actor)`."""
