"""Modalities that asked for an association from elsewhere than this machine, and whether they may store."""

from django.db import models

from cauce.records.models.fields import public_id

AE_TITLE_LENGTH_MAX = 16
ADDRESS_LENGTH_MAX = 64


class CallingAe(models.Model):
    """One calling AE title at one address. Until it is allowed it may only echo; its attempts show that it wants in."""

    public_id = public_id()
    ae_title = models.CharField(max_length=AE_TITLE_LENGTH_MAX)
    address = models.CharField(max_length=ADDRESS_LENGTH_MAX)
    allowed = models.BooleanField(default=False)
    first_seen = models.DateTimeField(null=True)
    last_seen = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)

    class Meta:
        """Known once."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["ae_title", "address"], name="calling_ae_once")
        ]

    def __str__(self) -> str:
        return self.public_id
