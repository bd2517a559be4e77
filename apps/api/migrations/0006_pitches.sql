-- Pitches with their views and scores, non-disclosure agreements, investments, notifications.

create table pitches (
  id             bigint generated always as identity primary key,
  founder_id     bigint not null references users (id),
  title          text not null check (char_length(title) between 3 and 160),
  summary        text not null check (char_length(summary) between 1 and 400),
  description    text not null check (char_length(description) <= 20000),
  industry       text not null check (industry ~ '^[a-z][a-z-]{1,39}$'),
  stage          text not null check (stage in ('idea', 'prototype', 'revenue', 'growth')),
  status         text not null default 'draft' check (status in ('draft', 'active', 'closed')),
  visibility     text not null default 'private' check (visibility in ('public', 'nda', 'private')),
  goal           numeric(14, 2) not null check (goal > 0),
  currency       text not null default 'EUR' check (currency ~ '^[A-Z]{3}$'),
  -- Both are sums of the tables below, kept here for lists: exact, since they are changed in the same transaction.
  view_count     bigint not null default 0 check (view_count >= 0),
  score_count    bigint not null default 0 check (score_count >= 0),
  score_sum      bigint not null default 0,
  -- Recomputed in the background from recent views and scores; any non-negative number.
  trending_score double precision not null default 0 check (trending_score >= 0 and trending_score < 'infinity'),
  search         tsvector generated always as (
    setweight(to_tsvector('english', title), 'A') || setweight(to_tsvector('english', summary), 'B')
  ) stored,
  created_at     timestamptz(3) not null default now(),
  updated_at     timestamptz(3) not null default now(),
  constraint pitches_scores_in_range check (score_sum between score_count and 10 * score_count)
);

create index idx_pitches_status_visibility on pitches (status, visibility, created_at desc, id desc);
create index idx_pitches_trending_score on pitches (trending_score desc, id desc) where status = 'active' and visibility = 'public';
create index idx_pitches_founder on pitches (founder_id, created_at desc);
create index idx_pitches_search on pitches using gin (search);

create table pitch_views (
  id        bigint generated always as identity primary key,
  pitch_id  bigint not null references pitches (id) on delete cascade,
  -- Null: nobody was signed in.
  viewer_id bigint references users (id) on delete set null,
  viewed_at timestamptz(3) not null default now()
);

create index idx_pitch_views_pitch on pitch_views (pitch_id, viewed_at desc);
create index idx_pitch_views_viewer on pitch_views (viewer_id) where viewer_id is not null;

create table pitch_scores (
  pitch_id   bigint not null references pitches (id) on delete cascade,
  user_id    bigint not null references users (id) on delete cascade,
  score      smallint not null check (score between 1 and 10),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (pitch_id, user_id)
);

create index idx_pitch_scores_user on pitch_scores (user_id);

create table ndas (
  id        bigint generated always as identity primary key,
  pitch_id  bigint not null references pitches (id) on delete cascade,
  user_id   bigint not null references users (id) on delete cascade,
  status    text not null default 'pending' check (status in ('pending', 'signed', 'declined', 'revoked')),
  signed_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  constraint ndas_pitch_user_unique unique (pitch_id, user_id),
  constraint ndas_signed_has_time check (status <> 'signed' or signed_at is not null)
);

create index idx_ndas_user on ndas (user_id, created_at desc, id desc);

create table investments (
  id          bigint generated always as identity primary key,
  pitch_id    bigint not null references pitches (id),
  investor_id bigint not null references users (id),
  amount      numeric(14, 2) not null check (amount > 0),
  currency    text not null default 'EUR' check (currency ~ '^[A-Z]{3}$'),
  status      text not null default 'offered' check (status in ('offered', 'accepted', 'declined', 'paid')),
  created_at  timestamptz(3) not null default now(),
  updated_at  timestamptz(3) not null default now()
);

create index idx_investments_pitch on investments (pitch_id, created_at desc, id desc);
create index idx_investments_investor on investments (investor_id, created_at desc, id desc);

create table notifications (
  id         bigint generated always as identity primary key,
  user_id    bigint not null references users (id) on delete cascade,
  kind       text not null check (kind in ('pitch', 'nda', 'investment', 'course', 'badge', 'system')),
  title      text not null check (char_length(title) between 1 and 160),
  body       text not null check (char_length(body) <= 1000),
  created_at timestamptz(3) not null default now(),
  read_at    timestamptz(3),
  constraint notifications_read_after_creation check (read_at >= created_at)
);

create index idx_notifications_user on notifications (user_id, created_at desc, id desc);
-- Small however long the history grows: what was read leaves it.
create index idx_notifications_unread on notifications (user_id, created_at desc, id desc) where read_at is null;
