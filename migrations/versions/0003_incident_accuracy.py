"""How far an incident's place can be trusted: the middle of a village is not the house."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("incident", sa.Column("place_accuracy_m", sa.Double(), nullable=True))


def downgrade() -> None:
    op.drop_column("incident", "place_accuracy_m")
