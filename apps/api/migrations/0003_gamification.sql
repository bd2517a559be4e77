-- Progress, streaks, badges and wallets.
--
-- Whole numbers only: points and coins are bigint, so that sums are exact whatever their size. A wallet's balance is never written without its line in the ledger,
-- and the ledger's own columns prove it: each line says what was there before and after, and follows the one before it without a gap.

create table progress (
  user_id      bigint not null references users (id) on delete cascade,
  lesson_id    bigint not null references lessons (id) on delete cascade,
  percent      smallint not null default 0 check (percent between 0 and 100),
  started_at   timestamptz(3) not null default now(),
  updated_at   timestamptz(3) not null default now(),
  completed_at timestamptz(3),
  primary key (user_id, lesson_id),
  constraint progress_completed_is_whole check ((completed_at is null) = (percent < 100)),
  constraint progress_completed_after_start check (completed_at >= started_at)
);

-- What somebody did last.
create index idx_progress_user_updated on progress (user_id, updated_at desc);
create index idx_progress_lesson on progress (lesson_id);

create table user_streaks (
  id             bigint generated always as identity primary key,
  user_id        bigint not null references users (id) on delete cascade,
  streak_type    text not null check (streak_type in ('login', 'learning', 'practice')),
  current_days   integer not null default 0 check (current_days >= 0),
  longest_days   integer not null default 0,
  last_active_on date,
  created_at     timestamptz(3) not null default now(),
  updated_at     timestamptz(3) not null default now(),
  constraint user_streaks_longest_is_longest check (longest_days >= current_days),
  constraint user_streaks_days_have_date check (current_days = 0 or last_active_on is not null)
);

create table badges (
  id          bigint generated always as identity primary key,
  code        text not null constraint badges_code_unique unique check (code ~ '^[a-z][a-z0-9-]{1,39}$'),
  name        text not null check (char_length(name) between 1 and 80),
  description text not null check (char_length(description) between 1 and 400),
  tier        text not null check (tier in ('bronze', 'silver', 'gold')),
  points      integer not null check (points between 0 and 10000),
  created_at  timestamptz(3) not null default now()
);

create table user_badges (
  user_id    bigint not null references users (id) on delete cascade,
  badge_id   bigint not null references badges (id),
  awarded_at timestamptz(3) not null default now(),
  primary key (user_id, badge_id)
);

create index idx_user_badges_user_awarded on user_badges (user_id, awarded_at desc, badge_id desc);
create index idx_user_badges_badge on user_badges (badge_id);

create table wallets (
  user_id       bigint primary key references users (id) on delete cascade,
  balance       bigint not null default 0,
  -- Number of the ledger's last line.
  last_sequence bigint not null default 0 check (last_sequence >= 0),
  created_at    timestamptz(3) not null default now(),
  updated_at    timestamptz(3) not null default now(),
  -- Nobody spends what they don't have, whatever the code believes.
  constraint wallets_balance_not_negative check (balance >= 0)
);

create table wallet_transactions (
  id              bigint generated always as identity primary key,
  user_id         bigint not null references wallets (user_id) on delete cascade,
  sequence        bigint not null check (sequence > 0),
  -- Given by the client: a request that's repeated finds what the first one did.
  idempotency_key text not null check (char_length(idempotency_key) between 1 and 255),
  -- SHA-256 of what was asked for, so that the same key with another body is noticed.
  request_hash    bytea not null check (octet_length(request_hash) = 32),
  kind            text not null check (kind in ('earn', 'spend', 'refund')),
  amount          bigint not null,
  balance_before  bigint not null check (balance_before >= 0),
  balance_after   bigint not null check (balance_after >= 0),
  reason          text not null check (char_length(reason) between 1 and 200),
  created_at      timestamptz(3) not null default now(),
  constraint wallet_transactions_key_unique unique (user_id, idempotency_key),
  -- Two lines of one number would be two that were made from the same balance. Also the index for the newest lines of a wallet.
  constraint wallet_transactions_sequence_unique unique (user_id, sequence),
  constraint wallet_transactions_adds_up check (balance_after = balance_before + amount),
  constraint wallet_transactions_sign check (case kind when 'spend' then amount < 0 else amount > 0 end)
);
