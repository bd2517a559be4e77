-- Signing in: the hashes of passwords, and the families of tokens, each of which began with one sign-in.
--
-- The code before this knows neither table, and reads and writes nothing in user_tokens; the new columns may be null for all that.

create table credentials (
  user_id       bigint primary key references users (id) on delete cascade,
  -- The PHC string of argon2id, version 19, with a salt of 16 bytes and a digest of 32. Its costs are not fixed here: they rise, and older ones stay until their
  -- owner signs in. What isn't one, a password in clear before all, is refused.
  password_hash text not null
    check (password_hash ~ '^\$argon2id\$v=19\$m=[1-9][0-9]{0,9},t=[1-9][0-9]{0,9},p=[1-9][0-9]{0,2}\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$'),
  -- Raised with each new password, and not when the same one is hashed again: a sign-in that has verified the old one is known by it.
  version       integer not null default 1 check (version > 0),
  changed_at    timestamptz(3) not null default now(),
  hashed_at     timestamptz(3) not null default now()
);

-- Whether somebody is still signed in is written here and nowhere else: tokens come and go, and none can escape a revocation by being made at the same moment.
create table token_families (
  id          bigint generated always as identity primary key,
  user_id     bigint not null references users (id) on delete cascade,
  created_at  timestamptz(3) not null default now(),
  -- However often its tokens are renewed, none outlives it.
  expires_at  timestamptz(3) not null,
  revoked_at  timestamptz(3),
  revoked_for text check (revoked_for in ('logout', 'logout-everywhere', 'reuse', 'password-change')),
  -- From where it began, so that it's known again and can't be read: HMAC-SHA-256 of user and address by a secret that isn't here. Null where that isn't known.
  address_hash bytea check (octet_length(address_hash) = 32),
  -- When a token of it was last given out there.
  seen_at     timestamptz(3) not null default now(),
  constraint token_families_expires_later check (expires_at > created_at),
  constraint token_families_revoked_has_reason check ((revoked_at is null) = (revoked_for is null))
);

create index idx_token_families_user_id on token_families (user_id);
-- For the clean-up, oldest first.
create index idx_token_families_expires_at on token_families (expires_at);

alter table user_tokens
  -- Null for tokens that are no refresh tokens.
  add column family_id bigint references token_families (id) on delete cascade,
  -- When a refresh token was given for the next one; whoever shows it again isn't the one who has that.
  add column used_at timestamptz(3);

create index idx_user_tokens_family_id on user_tokens (family_id) where family_id is not null;
