"""The embedded log and the stepped business clock."""

from spine.broker.embedded_tables import create_log_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_log_tables_v1()
