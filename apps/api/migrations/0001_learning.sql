-- Users, courses, lessons and enrolments.
--
-- Times have milliseconds (timestamptz(3)): that is what JavaScript's Date holds, so a time that went through the API compares equal to the row's, which
-- the cursors of keyset pages rely on. Closed sets of words are CHECK constraints, not enum types: a value can be added and taken away in a transaction.

create table users (
  id           bigint generated always as identity primary key,
  email        text not null check (char_length(email) between 3 and 254 and position('@' in email) > 1),
  username     text not null check (username ~ '^[A-Za-z0-9_.-]{2,40}$'),
  display_name text not null check (char_length(display_name) between 1 and 120),
  user_type    text not null default 'learner' check (user_type in ('learner', 'instructor', 'founder', 'investor', 'admin')),
  created_at   timestamptz(3) not null default now(),
  updated_at   timestamptz(3) not null default now()
);

-- E-mail addresses and user names are one person's whatever their case; both are looked up in lower case.
create unique index idx_users_email on users (lower(email));
create unique index idx_users_username on users (lower(username));
create index idx_users_user_type on users (user_type);

create table courses (
  id            bigint generated always as identity primary key,
  slug          text not null constraint courses_slug_unique unique check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and char_length(slug) <= 120),
  title         text not null check (char_length(title) between 3 and 160),
  summary       text not null check (char_length(summary) between 1 and 400),
  description   text not null check (char_length(description) <= 20000),
  category      text not null check (category ~ '^[a-z][a-z-]{1,39}$'),
  level         text not null check (level in ('beginner', 'intermediate', 'advanced')),
  language      text not null default 'en' check (language ~ '^[a-z]{2}$'),
  price         numeric(8, 2) not null default 0 check (price >= 0),
  currency      text not null default 'EUR' check (currency ~ '^[A-Z]{3}$'),
  instructor_id bigint not null references users (id),
  status        text not null default 'draft' check (status in ('draft', 'published', 'archived')),
  published_at  timestamptz(3),
  created_at    timestamptz(3) not null default now(),
  updated_at    timestamptz(3) not null default now(),
  constraint courses_published_has_time check (status <> 'published' or published_at is not null)
);

-- Lists show published courses, newest first, whole or of one category; the id makes the order total, so that no page repeats or skips a row.
create index idx_courses_published on courses (published_at desc, id desc) where status = 'published';
create index idx_courses_category_published on courses (category, published_at desc, id desc) where status = 'published';
create index idx_courses_instructor on courses (instructor_id);

create table lessons (
  id               bigint generated always as identity primary key,
  course_id        bigint not null references courses (id) on delete cascade,
  position         integer not null check (position between 1 and 500),
  title            text not null check (char_length(title) between 3 and 160),
  summary          text not null check (char_length(summary) <= 400),
  kind             text not null check (kind in ('video', 'reading', 'exercise', 'quiz')),
  duration_minutes integer not null check (duration_minutes between 1 and 600),
  is_preview       boolean not null default false,
  content          text not null default '',
  created_at       timestamptz(3) not null default now(),
  updated_at       timestamptz(3) not null default now(),
  -- Also the index by which a course's lessons are read in order. Deferrable: lessons can change places within a transaction.
  constraint lessons_course_id_position_unique unique (course_id, position) deferrable initially immediate
);

create table enrolments (
  user_id      bigint not null references users (id) on delete cascade,
  course_id    bigint not null references courses (id) on delete cascade,
  enrolled_at  timestamptz(3) not null default now(),
  completed_at timestamptz(3),
  primary key (user_id, course_id),
  constraint enrolments_completed_after_start check (completed_at >= enrolled_at)
);

create index idx_enrolments_course on enrolments (course_id);
