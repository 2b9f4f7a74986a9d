"""experiments, descriptions and marks"""

import sqlalchemy as sa
from alembic import op


revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('experiments',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('salt', sa.Text(), nullable=False),
    sa.Column('share', sa.Double(), nullable=False),
    sa.Column('stage', sa.Integer(), server_default='1', nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('arms', sa.JSON(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('changed_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_experiments'))
    )
    op.create_table('assignments',
    sa.Column('experiment', sa.Text(), nullable=False),
    sa.Column('session_id', sa.Text(), nullable=False),
    sa.Column('ab_group', sa.Text(), nullable=False),
    sa.Column('share', sa.Double(), nullable=False),
    sa.Column('stage', sa.Integer(), nullable=False),
    sa.Column('rule', sa.Text(), nullable=True),
    sa.Column('counted', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['experiment'], ['experiments.id'], name=op.f('fk_assignments_experiment')),
    sa.PrimaryKeyConstraint('experiment', 'session_id', name=op.f('pk_assignments'))
    )
    op.create_table('experiment_changes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('experiment', sa.Text(), nullable=False),
    sa.Column('change', sa.Text(), nullable=False),
    sa.Column('share', sa.Double(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['experiment'], ['experiments.id'], name=op.f('fk_experiment_changes_experiment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_experiment_changes')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('experiment_changes', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_experiment_changes_experiment'), ['experiment'], unique=False)

    op.create_table('marks',
    sa.Column('search_id', sa.Text(), nullable=False),
    sa.Column('group_id', sa.Text(), nullable=False),
    sa.Column('verdict', sa.Text(), nullable=False),
    sa.Column('tool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('url', sa.Text(), nullable=True),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['search_id'], ['searches.id'], name=op.f('fk_marks_search_id')),
    sa.PrimaryKeyConstraint('search_id', name=op.f('pk_marks'))
    )
    with op.batch_alter_table('marks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_marks_group_id'), ['group_id'], unique=False)

    op.create_table('surveys',
    sa.Column('search_id', sa.Text(), nullable=False),
    sa.Column('session_id', sa.Text(), nullable=False),
    sa.Column('score', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['search_id'], ['searches.id'], name=op.f('fk_surveys_search_id')),
    sa.PrimaryKeyConstraint('search_id', name=op.f('pk_surveys'))
    )
    with op.batch_alter_table('surveys', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_surveys_session_id'), ['session_id'], unique=False)

    op.create_table('testers',
    sa.Column('experiment', sa.Text(), nullable=False),
    sa.Column('session_id', sa.Text(), nullable=False),
    sa.Column('arm', sa.Text(), nullable=False),
    sa.Column('rule', sa.Text(), nullable=False),
    sa.Column('note', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['experiment'], ['experiments.id'], name=op.f('fk_testers_experiment')),
    sa.PrimaryKeyConstraint('experiment', 'session_id', name=op.f('pk_testers'))
    )
    with op.batch_alter_table('searches', schema=None) as batch_op:
        batch_op.add_column(sa.Column('counted', sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column('arm', sa.JSON(), nullable=True))
        batch_op.create_index('ix_searches_arm', ['experiment', 'ab_group', 'counted', 'created_at'], unique=False)

    with op.batch_alter_table('tools', schema=None) as batch_op:
        batch_op.add_column(sa.Column('summary_en', sa.Text(), server_default='', nullable=False))
        batch_op.add_column(sa.Column('features', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('use_cases', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('llm_facts', sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column('described_digest', sa.Text(), nullable=True))
        batch_op.add_column(sa.Column('describe_at', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('describe_lease_until', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('describe_tries', sa.Integer(), server_default='0', nullable=False))
        batch_op.create_index(batch_op.f('ix_tools_describe_at'), ['describe_at'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('tools', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_tools_describe_at'))
        batch_op.drop_column('describe_tries')
        batch_op.drop_column('describe_lease_until')
        batch_op.drop_column('describe_at')
        batch_op.drop_column('described_digest')
        batch_op.drop_column('llm_facts')
        batch_op.drop_column('use_cases')
        batch_op.drop_column('features')
        batch_op.drop_column('summary_en')

    with op.batch_alter_table('searches', schema=None) as batch_op:
        batch_op.drop_index('ix_searches_arm')
        batch_op.drop_column('arm')
        batch_op.drop_column('counted')

    op.drop_table('testers')
    with op.batch_alter_table('surveys', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_surveys_session_id'))

    op.drop_table('surveys')
    with op.batch_alter_table('marks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_marks_group_id'))

    op.drop_table('marks')
    with op.batch_alter_table('experiment_changes', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_experiment_changes_experiment'))

    op.drop_table('experiment_changes')
    op.drop_table('assignments')
    op.drop_table('experiments')
