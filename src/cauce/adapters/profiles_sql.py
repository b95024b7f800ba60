"""Profiles of projects in the SQL database, and the studies that are to be worked on anew under them."""

from cauce import audit
from cauce.adapters.closing_sql import kept_profile, text_of, work_anew
from cauce.adapters.sql_errors import transaction_of_ours, translated
from cauce.core.actors import Actor
from cauce.core.errors import Conflicting, Forbidden, NotFound
from cauce.core.messages import ProfileText, ProjectRef
from cauce.core.profiles import output_key
from cauce.core.statuses import StudyStatus
from cauce.records.models import ProfileVersion, Project, Study


class SqlProfiles:
    """Fulfils `cauce.ports.profiles.Profiles`."""

    def current(self, project: ProjectRef) -> ProfileText | None:
        """Return the profile of a project, or `None` while it goes by the default."""
        with translated():
            newest = ProfileVersion.objects.filter(project_id=project.pk).order_by("-number").first()
        return text_of(newest) if newest else None

    def save(
        self, project: ProjectRef, profile: ProfileText, *, actor: Actor, based_on: int | None = None
    ) -> ProfileText:
        """Give a project its next profile; one that is held already stays as it is."""
        if not actor.may_administer:
            raise Forbidden("This account may not change projects.")
        with transaction_of_ours():
            held = Project.objects.select_for_update().get(pk=project.pk)
            newest = held.profiles.order_by("-number").first()
            number = newest.number if newest else 0
            if based_on not in {None, number}:
                raise Conflicting(f"The profile has changed meanwhile: it is at version {number}, not {based_on}.")
            if newest and newest.text == profile.text:
                return text_of(newest)
            made = ProfileVersion.objects.create(
                project=held,
                number=number + 1,
                name=profile.name,
                version=profile.version,
                digest=profile.digest,
                text=profile.text,
                author=actor.name,
            )
            audit.record(actor, "profile.change", subject=held.public_id, number=made.number, digest=made.digest)
        return text_of(made)

    def reprocess(self, study_id: str, *, default: ProfileText, engine: str, actor: Actor) -> None:
        """Let all of a study be batched anew, under the present profile of its project."""
        if not actor.may_review:
            raise Forbidden("This account may not decide about images.")
        with transaction_of_ours():
            study = Study.objects.select_for_update().filter(public_id=study_id).first()
            if study is None:
                raise NotFound("There is no such study.")
            newest = study.revisions.order_by("-number").first()
            if newest is None or study.status == StudyStatus.RECEIVING.value:
                raise Conflicting("The study still receives; it will be worked on under the present profile.")
            kept = text_of(kept_profile(study.project_id, default))
            if newest.profile_key == output_key(kept, engine=engine):
                raise Conflicting("The study is under the present profile already.")
            work_anew(study, newest)
            audit.record(actor, "study.deidentify", subject=study_id, profile=kept.number, digest=kept.digest)
