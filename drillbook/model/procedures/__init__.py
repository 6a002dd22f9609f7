"""What documented procedures are made of: typed steps, and typed statements of what must be true afterwards."""

from drillbook.model.procedures.afterwards import AFTERWARDS as AFTERWARDS
from drillbook.model.procedures.entry import Entry as Entry
from drillbook.model.procedures.entry import EntryType as EntryType
from drillbook.model.procedures.entry import Key as Key
from drillbook.model.procedures.entry import Shape as Shape
from drillbook.model.procedures.steps import STEPS as STEPS
from drillbook.model.procedures.steps import by_people_alone as by_people_alone
from drillbook.model.procedures.steps import changes_data as changes_data
