"""Who left a unit since its marker's last fix, asked beside every batch; and whose turns a phone's fixes are."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("crew_left", "crew_membership", ["regency_id", "left_at"])
    op.create_index("crew_turns", "crew_membership", ["regency_id", "staff_id", "left_at"])


def downgrade() -> None:
    op.drop_index("crew_turns", "crew_membership")
    op.drop_index("crew_left", "crew_membership")
