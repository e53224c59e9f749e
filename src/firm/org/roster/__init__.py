"""The files of an organization: role files, workflow files, and whether a firm's folder is in order.

One rule: what is written by hand is read strictly; what is not understood is refused with file, line and what to
write instead. What the files mean for a mission is `firm.org`'s business.
"""

from firm.org.roster.check import check_folder
from firm.org.roster.finding import Finding
from firm.org.roster.rolefile import RoleFile, read_role, read_role_file
from firm.org.roster.roletext import role_text, with_lesson
from firm.org.roster.staff import read_staff, unit_folder, unit_names
from firm.org.roster.workflow import WorkflowFile, read_workflow, read_workflow_file, workflow_names
from firm.org.roster.workflowtext import workflow_text

__all__ = [
    "Finding",
    "RoleFile",
    "WorkflowFile",
    "check_folder",
    "read_role",
    "read_role_file",
    "read_staff",
    "read_workflow",
    "read_workflow_file",
    "role_text",
    "unit_folder",
    "unit_names",
    "with_lesson",
    "workflow_names",
    "workflow_text",
]
