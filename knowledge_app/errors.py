"""What can go wrong with knowledge bases and documents."""

from config.common.errors import Conflict, FormInvalid, MeaningInvalid, NotFound, TooLarge


class BaseUnreadable(NotFound):
    """None of the named knowledge bases exists for the reader."""

    code = "knowledge.base_not_found"
    title = "There is no such knowledge base"


class NameTaken(Conflict):
    """Another living knowledge base of the workspace has this name."""

    code = "knowledge.name_taken"
    title = "This name is taken"


class BaseArchived(Conflict):
    """An archived knowledge base is not changed any more."""

    code = "knowledge.base_archived"
    title = "This knowledge base is archived"


class SettingsInvalid(MeaningInvalid):
    """The language or the sizes of a knowledge base make no sense."""

    code = "knowledge.settings_invalid"
    title = "These settings cannot be used"


class QueryInvalid(FormInvalid):
    """The text or the number of results of a search is out of range."""

    code = "knowledge.query_invalid"
    title = "This search cannot be carried out"


class DocumentRefused(MeaningInvalid):
    """The content or the name of a document cannot be taken."""

    code = "document.refused"
    title = "The document cannot be taken"


class DocumentTooLarge(TooLarge):
    """The content is larger than a document may be."""

    code = "document.too_large"
    title = "The document is too large"


class DocumentBusy(Conflict):
    """The document is being read, or has been read, so there is nothing to retry."""

    code = "document.not_failed"
    title = "There is nothing to retry"
