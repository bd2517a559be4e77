-- Blogs: written by users, listed newest first, whole, by tag or by author.

create table blogs (
  id         bigint generated always as identity primary key,
  author_id  bigint not null references users (id),
  slug       text not null constraint blogs_slug_unique unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 160),
  title      text not null check (char_length(title) between 3 and 160),
  content    text not null check (char_length(content) between 1 and 50000),
  tags       text[] not null default '{}' check (cardinality(tags) <= 10 and array_position(tags, null) is null),
  status     text not null default 'draft' check (status in ('draft', 'published', 'archived')),
  -- Raised with every change: who changes what they have read says which version that was.
  version    integer not null default 1 check (version > 0),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

-- The id makes each order total, so that no page repeats or skips a row.
create index idx_blogs_status_created_at on blogs (status, created_at desc, id desc);
create index idx_blogs_published on blogs (created_at desc, id desc) where status = 'published';
create index idx_blogs_tags on blogs using gin (tags);
create index idx_blogs_author on blogs (author_id, created_at desc, id desc);
