"""the catalogue's first tables"""

import sqlalchemy as sa
from alembic import op


revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('chunk_deletions',
    sa.Column('chunk_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('chunk_id', name=op.f('pk_chunk_deletions'))
    )
    with op.batch_alter_table('chunk_deletions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_chunk_deletions_version'), ['version'], unique=False)

    op.create_table('counters',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_counters'))
    )
    op.create_table('hosts',
    sa.Column('host', sa.Text(), nullable=False),
    sa.Column('next_at', sa.Double(), server_default='0', nullable=False),
    sa.Column('lease_owner', sa.Text(), nullable=True),
    sa.Column('lease_until', sa.Double(), nullable=True),
    sa.Column('robots_status', sa.Text(), nullable=True),
    sa.Column('robots_text', sa.Text(), nullable=True),
    sa.Column('robots_fetched_at', sa.Double(), nullable=True),
    sa.Column('robots_expires_at', sa.Double(), nullable=True),
    sa.PrimaryKeyConstraint('host', name=op.f('pk_hosts'))
    )
    op.create_table('jobs',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('session_id', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_jobs'))
    )
    op.create_table('meta',
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_meta'))
    )
    op.create_table('searches',
    sa.Column('id', sa.Text(), nullable=False),
    sa.Column('session_id', sa.Text(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('ab_group', sa.Text(), nullable=False),
    sa.Column('experiment', sa.Text(), nullable=True),
    sa.Column('query', sa.Text(), nullable=False),
    sa.Column('filters', sa.JSON(), nullable=False),
    sa.Column('results', sa.JSON(), nullable=False),
    sa.Column('no_match', sa.Boolean(), nullable=False),
    sa.Column('answer', sa.JSON(), nullable=True),
    sa.Column('index_version', sa.BigInteger(), nullable=False),
    sa.Column('encoder', sa.Text(), nullable=False),
    sa.Column('timings', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_searches'))
    )
    with op.batch_alter_table('searches', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_searches_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_searches_session_id'), ['session_id'], unique=False)

    op.create_table('tools',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('site', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('summary', sa.Text(), server_default='', nullable=False),
    sa.Column('category', sa.Text(), server_default='other', nullable=False),
    sa.Column('pricing', sa.Text(), nullable=True),
    sa.Column('platforms', sa.JSON(), nullable=False),
    sa.Column('languages', sa.JSON(), nullable=False),
    sa.Column('sources', sa.JSON(), nullable=False),
    sa.Column('hidden', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tools')),
    sa.UniqueConstraint('site', name=op.f('uq_tools_site')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('tools', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_tools_category'), ['category'], unique=False)
        batch_op.create_index(batch_op.f('ix_tools_pricing'), ['pricing'], unique=False)

    op.create_table('clicks',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('search_id', sa.Text(), nullable=False),
    sa.Column('session_id', sa.Text(), nullable=False),
    sa.Column('tool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['search_id'], ['searches.id'], name=op.f('fk_clicks_search_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_clicks')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('clicks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_clicks_search_id'), ['search_id'], unique=False)

    op.create_table('feedback',
    sa.Column('search_id', sa.Text(), nullable=False),
    sa.Column('session_id', sa.Text(), nullable=False),
    sa.Column('tool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('rating', sa.Text(), nullable=True),
    sa.Column('score', sa.Integer(), nullable=True),
    sa.Column('comment', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['search_id'], ['searches.id'], name=op.f('fk_feedback_search_id')),
    sa.PrimaryKeyConstraint('search_id', 'session_id', 'tool_id', name=op.f('pk_feedback'))
    )
    op.create_table('pages',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('host', sa.Text(), nullable=False),
    sa.Column('site', sa.Text(), nullable=False),
    sa.Column('submitted', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.Column('detail', sa.Text(), nullable=True),
    sa.Column('attempts', sa.Integer(), server_default='0', nullable=False),
    sa.Column('tries', sa.Integer(), server_default='0', nullable=False),
    sa.Column('lease_owner', sa.Text(), nullable=True),
    sa.Column('lease_until', sa.Double(), nullable=True),
    sa.Column('not_before', sa.Double(), server_default='0', nullable=False),
    sa.Column('woken_at', sa.Double(), server_default='0', nullable=False),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.Column('updated_at', sa.Double(), nullable=False),
    sa.Column('fetched_at', sa.Double(), nullable=True),
    sa.Column('indexed_at', sa.Double(), nullable=True),
    sa.Column('http_status', sa.Integer(), nullable=True),
    sa.Column('final_url', sa.Text(), nullable=True),
    sa.Column('content_type', sa.Text(), nullable=True),
    sa.Column('etag', sa.Text(), nullable=True),
    sa.Column('last_modified', sa.Text(), nullable=True),
    sa.Column('digest', sa.Text(), nullable=True),
    sa.Column('text_digest', sa.Text(), nullable=True),
    sa.Column('title', sa.Text(), nullable=True),
    sa.Column('language', sa.Text(), nullable=True),
    sa.Column('facts', sa.JSON(), nullable=True),
    sa.Column('tool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('duplicate_of', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.ForeignKeyConstraint(['duplicate_of'], ['pages.id'], name=op.f('fk_pages_duplicate_of')),
    sa.ForeignKeyConstraint(['tool_id'], ['tools.id'], name=op.f('fk_pages_tool_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pages')),
    sa.UniqueConstraint('url', name=op.f('uq_pages_url')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('pages', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_pages_host'), ['host'], unique=False)
        batch_op.create_index(batch_op.f('ix_pages_site'), ['site'], unique=False)
        batch_op.create_index('ix_pages_state_woken', ['state', 'woken_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_pages_text_digest'), ['text_digest'], unique=False)
        batch_op.create_index(batch_op.f('ix_pages_tool_id'), ['tool_id'], unique=False)

    op.create_table('chunks',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('page_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('tool_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('ordinal', sa.Integer(), nullable=False),
    sa.Column('title', sa.Text(), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('vector', sa.LargeBinary(), nullable=False),
    sa.Column('encoder', sa.Text(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['page_id'], ['pages.id'], name=op.f('fk_chunks_page_id')),
    sa.ForeignKeyConstraint(['tool_id'], ['tools.id'], name=op.f('fk_chunks_tool_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_chunks')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('chunks', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_chunks_page_id'), ['page_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_chunks_tool_id'), ['tool_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_chunks_version'), ['version'], unique=False)

    op.create_table('job_urls',
    sa.Column('job_id', sa.Text(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('page_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('state', sa.Text(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('fk_job_urls_job_id')),
    sa.ForeignKeyConstraint(['page_id'], ['pages.id'], name=op.f('fk_job_urls_page_id')),
    sa.PrimaryKeyConstraint('job_id', 'position', name=op.f('pk_job_urls'))
    )
    with op.batch_alter_table('job_urls', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_job_urls_page_id'), ['page_id'], unique=False)

    op.create_table('leads',
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('page_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=True),
    sa.Column('anchor', sa.Text(), nullable=True),
    sa.Column('created_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['page_id'], ['pages.id'], name=op.f('fk_leads_page_id')),
    sa.PrimaryKeyConstraint('url', name=op.f('pk_leads'))
    )
    op.create_table('page_versions',
    sa.Column('page_id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('fetched_at', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['page_id'], ['pages.id'], name=op.f('fk_page_versions_page_id')),
    sa.PrimaryKeyConstraint('page_id', 'digest', name=op.f('pk_page_versions'))
    )
    with op.batch_alter_table('page_versions', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_page_versions_digest'), ['digest'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('page_versions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_page_versions_digest'))

    op.drop_table('page_versions')
    op.drop_table('leads')
    with op.batch_alter_table('job_urls', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_job_urls_page_id'))

    op.drop_table('job_urls')
    with op.batch_alter_table('chunks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_chunks_version'))
        batch_op.drop_index(batch_op.f('ix_chunks_tool_id'))
        batch_op.drop_index(batch_op.f('ix_chunks_page_id'))

    op.drop_table('chunks')
    with op.batch_alter_table('pages', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_pages_tool_id'))
        batch_op.drop_index(batch_op.f('ix_pages_text_digest'))
        batch_op.drop_index('ix_pages_state_woken')
        batch_op.drop_index(batch_op.f('ix_pages_site'))
        batch_op.drop_index(batch_op.f('ix_pages_host'))

    op.drop_table('pages')
    op.drop_table('feedback')
    with op.batch_alter_table('clicks', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_clicks_search_id'))

    op.drop_table('clicks')
    with op.batch_alter_table('tools', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_tools_pricing'))
        batch_op.drop_index(batch_op.f('ix_tools_category'))

    op.drop_table('tools')
    with op.batch_alter_table('searches', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_searches_session_id'))
        batch_op.drop_index(batch_op.f('ix_searches_created_at'))

    op.drop_table('searches')
    op.drop_table('meta')
    op.drop_table('jobs')
    op.drop_table('hosts')
    op.drop_table('counters')
    with op.batch_alter_table('chunk_deletions', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_chunk_deletions_version'))

    op.drop_table('chunk_deletions')
