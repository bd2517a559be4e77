-- Chat: sessions, conversations, their messages, the components that were built in them, and what an AI was asked and answered.

create table sessions (
  id             bigint generated always as identity primary key,
  user_id        bigint not null references users (id) on delete cascade,
  title          text not null check (char_length(title) between 1 and 160),
  is_active      boolean not null default true,
  created_at     timestamptz(3) not null default now(),
  last_active_at timestamptz(3) not null default now(),
  constraint sessions_active_after_creation check (last_active_at >= created_at)
);

create index idx_sessions_user_id on sessions (user_id, created_at desc, id desc);
create index idx_sessions_user_active on sessions (user_id, last_active_at desc, id desc) where is_active;

create table conversations (
  id         bigint generated always as identity primary key,
  title      text not null check (char_length(title) between 1 and 160),
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create table conversation_sessions (
  session_id      bigint not null references sessions (id) on delete cascade,
  conversation_id bigint not null references conversations (id) on delete cascade,
  added_at        timestamptz(3) not null default now(),
  -- The key's index is at the same time the one by session.
  constraint idx_conversation_sessions_session_id primary key (session_id, conversation_id)
);

create index idx_conversation_sessions_conversation_id on conversation_sessions (conversation_id, session_id);

create table chat_messages (
  id              bigint generated always as identity primary key,
  session_id      bigint not null references sessions (id) on delete cascade,
  conversation_id bigint references conversations (id) on delete set null,
  -- Place within the session, from 1.
  position        integer not null check (position > 0),
  role            text not null check (role in ('user', 'assistant', 'system', 'tool')),
  content         text not null check (char_length(content) <= 100000),
  created_at      timestamptz(3) not null default now()
);

create index idx_chat_messages_session_id on chat_messages (session_id, created_at desc, id desc);
create index idx_chat_messages_conversation_id on chat_messages (conversation_id, created_at, id);
-- Unique: two messages never have the same place.
create unique index idx_chat_messages_session_order on chat_messages (session_id, position);
create index idx_chat_messages_role on chat_messages (session_id, role, position);

create table components (
  id         bigint generated always as identity primary key,
  session_id bigint not null references sessions (id) on delete cascade,
  type       text not null check (type ~ '^[a-z][a-z-]{1,39}$'),
  name       text not null check (char_length(name) between 1 and 120),
  version    integer not null check (version > 0),
  is_current boolean not null default true,
  content    text not null check (char_length(content) <= 200000),
  created_at timestamptz(3) not null default now(),
  constraint components_version_unique unique (session_id, name, version)
);

create index idx_components_session_id on components (session_id, created_at desc, id desc);
-- Unique: of each component one version is current.
create unique index idx_components_current on components (session_id, name) where is_current;
create index idx_components_type on components (session_id, type, created_at desc, id desc);

create table ai_interactions (
  id              bigint generated always as identity primary key,
  session_id      bigint not null references sessions (id) on delete cascade,
  conversation_id bigint references conversations (id) on delete set null,
  model           text not null check (char_length(model) between 1 and 80),
  prompt          text not null check (char_length(prompt) <= 100000),
  prompt_tokens   integer not null check (prompt_tokens >= 0),
  created_at      timestamptz(3) not null default now()
);

create index idx_ai_interactions_session_id on ai_interactions (session_id, created_at desc, id desc);
create index idx_ai_interactions_conversation_id on ai_interactions (conversation_id, created_at desc, id desc);

create table ai_responses (
  id              bigint generated always as identity primary key,
  -- Also the index by which an interaction finds its response.
  interaction_id  bigint not null constraint ai_responses_interaction_unique unique references ai_interactions (id) on delete cascade,
  session_id      bigint not null references sessions (id) on delete cascade,
  conversation_id bigint references conversations (id) on delete set null,
  content         text not null check (char_length(content) <= 200000),
  response_tokens integer not null check (response_tokens >= 0),
  latency_ms      integer not null check (latency_ms >= 0),
  created_at      timestamptz(3) not null default now()
);

create index idx_ai_responses_session_id on ai_responses (session_id, created_at desc, id desc);
create index idx_ai_responses_conversation_id on ai_responses (conversation_id, created_at desc, id desc);
