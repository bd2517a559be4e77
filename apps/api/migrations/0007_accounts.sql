-- Tokens of users, and files that they have uploaded.

create table user_tokens (
  id         bigint generated always as identity primary key,
  user_id    bigint not null references users (id) on delete cascade,
  type       text not null check (type in ('refresh', 'verify-email', 'reset-password')),
  -- A digest of the token: whoever reads the table can't sign in with it.
  token      text not null check (char_length(token) between 32 and 128),
  expires_at timestamptz(3) not null,
  revoked    boolean not null default false,
  created_at timestamptz(3) not null default now(),
  constraint user_tokens_expires_later check (expires_at > created_at)
);

create index idx_user_tokens_user_id_type on user_tokens (user_id, type);
create unique index idx_user_tokens_token on user_tokens (token);
-- For the clean-up, oldest first.
create index idx_user_tokens_expires_revoked on user_tokens (expires_at, revoked);

create table uploads (
  id          bigint generated always as identity primary key,
  user_id     bigint not null references users (id) on delete cascade,
  course_id   bigint references courses (id) on delete cascade,
  file_name   text not null check (char_length(file_name) between 1 and 255),
  media_type  text not null check (media_type ~ '^[a-z]+/[a-z0-9.+-]{1,100}$'),
  bytes       bigint not null check (bytes between 0 and 1073741824),
  sha256      bytea not null check (octet_length(sha256) = 32),
  storage_key text not null constraint uploads_storage_key_unique unique check (char_length(storage_key) between 1 and 255),
  created_at  timestamptz(3) not null default now()
);

create index idx_uploads_user on uploads (user_id, created_at desc, id desc);
create index idx_uploads_course on uploads (course_id, created_at desc, id desc) where course_id is not null;
