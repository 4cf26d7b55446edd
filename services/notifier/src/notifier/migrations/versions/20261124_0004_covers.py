"""A message may be about several loans of a person: its fence must be open for each of them."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE message ADD COLUMN covers text[] DEFAULT '{}'::text[] NOT NULL")
