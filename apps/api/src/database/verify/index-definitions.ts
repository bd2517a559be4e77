// What each index is that the migrations declare, in PostgreSQL's own words, and behind which constraint: by its name alone one that was rebuilt with other columns, or
// is no longer unique, would pass for it.
//
// The migrations stay the source: a test applies them and compares what is there with this list, and shows what a new migration has to add. Written down, since
// the alternatives are to read each form of `create index` as the parser of PostgreSQL does, or to apply migrations beside the tables of production.
//
// Storage parameters are left out: those are for whoever runs the database to set.
export const INDEX_DEFINITIONS: Readonly<Record<string, string>> = {
  idx_users_email: 'CREATE UNIQUE INDEX idx_users_email ON public.users USING btree (lower(email))',
  idx_users_username: 'CREATE UNIQUE INDEX idx_users_username ON public.users USING btree (lower(username))',
  idx_users_user_type: 'CREATE INDEX idx_users_user_type ON public.users USING btree (user_type)',
  courses_slug_unique:
    'CREATE UNIQUE INDEX courses_slug_unique ON public.courses USING btree (slug) behind UNIQUE (slug)',
  idx_courses_published:
    "CREATE INDEX idx_courses_published ON public.courses USING btree (published_at DESC, id DESC) WHERE (status = 'published'::text)",
  idx_courses_category_published:
    "CREATE INDEX idx_courses_category_published ON public.courses USING btree (category, published_at DESC, id DESC) WHERE (status = 'published'::text)",
  idx_courses_instructor: 'CREATE INDEX idx_courses_instructor ON public.courses USING btree (instructor_id)',
  lessons_course_id_position_unique:
    'CREATE UNIQUE INDEX lessons_course_id_position_unique ON public.lessons USING btree (course_id, "position") behind UNIQUE (course_id, "position") DEFERRABLE',
  idx_enrolments_course: 'CREATE INDEX idx_enrolments_course ON public.enrolments USING btree (course_id)',
  cache_invalidation_xid_idx: 'CREATE INDEX cache_invalidation_xid_idx ON public.cache_invalidation USING btree (xid)',
  idx_progress_user_updated:
    'CREATE INDEX idx_progress_user_updated ON public.progress USING btree (user_id, updated_at DESC)',
  idx_progress_lesson: 'CREATE INDEX idx_progress_lesson ON public.progress USING btree (lesson_id)',
  badges_code_unique: 'CREATE UNIQUE INDEX badges_code_unique ON public.badges USING btree (code) behind UNIQUE (code)',
  idx_user_badges_user_awarded:
    'CREATE INDEX idx_user_badges_user_awarded ON public.user_badges USING btree (user_id, awarded_at DESC, badge_id DESC)',
  idx_user_badges_badge: 'CREATE INDEX idx_user_badges_badge ON public.user_badges USING btree (badge_id)',
  wallet_transactions_key_unique:
    'CREATE UNIQUE INDEX wallet_transactions_key_unique ON public.wallet_transactions USING btree (user_id, idempotency_key) behind UNIQUE (user_id, idempotency_key)',
  wallet_transactions_sequence_unique:
    'CREATE UNIQUE INDEX wallet_transactions_sequence_unique ON public.wallet_transactions USING btree (user_id, sequence) behind UNIQUE (user_id, sequence)',
  user_streaks_user_id_streak_type_unique:
    'CREATE UNIQUE INDEX user_streaks_user_id_streak_type_unique ON public.user_streaks USING btree (user_id, streak_type) behind UNIQUE (user_id, streak_type)',
  blogs_slug_unique: 'CREATE UNIQUE INDEX blogs_slug_unique ON public.blogs USING btree (slug) behind UNIQUE (slug)',
  idx_blogs_status_created_at:
    'CREATE INDEX idx_blogs_status_created_at ON public.blogs USING btree (status, created_at DESC, id DESC)',
  idx_blogs_published:
    "CREATE INDEX idx_blogs_published ON public.blogs USING btree (created_at DESC, id DESC) WHERE (status = 'published'::text)",
  idx_blogs_tags: 'CREATE INDEX idx_blogs_tags ON public.blogs USING gin (tags)',
  idx_blogs_author: 'CREATE INDEX idx_blogs_author ON public.blogs USING btree (author_id, created_at DESC, id DESC)',
  idx_pitches_status_visibility:
    'CREATE INDEX idx_pitches_status_visibility ON public.pitches USING btree (status, visibility, created_at DESC, id DESC)',
  idx_pitches_trending_score:
    "CREATE INDEX idx_pitches_trending_score ON public.pitches USING btree (trending_score DESC, id DESC) WHERE ((status = 'active'::text) AND (visibility = 'public'::text))",
  idx_pitches_founder: 'CREATE INDEX idx_pitches_founder ON public.pitches USING btree (founder_id, created_at DESC)',
  idx_pitches_search: 'CREATE INDEX idx_pitches_search ON public.pitches USING gin (search)',
  idx_pitch_views_pitch:
    'CREATE INDEX idx_pitch_views_pitch ON public.pitch_views USING btree (pitch_id, viewed_at DESC)',
  idx_pitch_views_viewer:
    'CREATE INDEX idx_pitch_views_viewer ON public.pitch_views USING btree (viewer_id) WHERE (viewer_id IS NOT NULL)',
  idx_pitch_scores_user: 'CREATE INDEX idx_pitch_scores_user ON public.pitch_scores USING btree (user_id)',
  ndas_pitch_user_unique:
    'CREATE UNIQUE INDEX ndas_pitch_user_unique ON public.ndas USING btree (pitch_id, user_id) behind UNIQUE (pitch_id, user_id)',
  idx_ndas_user: 'CREATE INDEX idx_ndas_user ON public.ndas USING btree (user_id, created_at DESC, id DESC)',
  idx_investments_pitch:
    'CREATE INDEX idx_investments_pitch ON public.investments USING btree (pitch_id, created_at DESC, id DESC)',
  idx_investments_investor:
    'CREATE INDEX idx_investments_investor ON public.investments USING btree (investor_id, created_at DESC, id DESC)',
  idx_notifications_user:
    'CREATE INDEX idx_notifications_user ON public.notifications USING btree (user_id, created_at DESC, id DESC)',
  idx_notifications_unread:
    'CREATE INDEX idx_notifications_unread ON public.notifications USING btree (user_id, created_at DESC, id DESC) WHERE (read_at IS NULL)',
  idx_user_tokens_user_id_type:
    'CREATE INDEX idx_user_tokens_user_id_type ON public.user_tokens USING btree (user_id, type)',
  idx_user_tokens_token: 'CREATE UNIQUE INDEX idx_user_tokens_token ON public.user_tokens USING btree (token)',
  idx_user_tokens_expires_revoked:
    'CREATE INDEX idx_user_tokens_expires_revoked ON public.user_tokens USING btree (expires_at, revoked)',
  idx_user_tokens_family_id:
    'CREATE INDEX idx_user_tokens_family_id ON public.user_tokens USING btree (family_id) WHERE (family_id IS NOT NULL)',
  idx_token_families_user_id: 'CREATE INDEX idx_token_families_user_id ON public.token_families USING btree (user_id)',
  idx_token_families_expires_at:
    'CREATE INDEX idx_token_families_expires_at ON public.token_families USING btree (expires_at)',
  uploads_storage_key_unique:
    'CREATE UNIQUE INDEX uploads_storage_key_unique ON public.uploads USING btree (storage_key) behind UNIQUE (storage_key)',
  idx_uploads_user: 'CREATE INDEX idx_uploads_user ON public.uploads USING btree (user_id, created_at DESC, id DESC)',
  idx_uploads_course:
    'CREATE INDEX idx_uploads_course ON public.uploads USING btree (course_id, created_at DESC, id DESC) WHERE (course_id IS NOT NULL)',
  idx_sessions_user_id:
    'CREATE INDEX idx_sessions_user_id ON public.sessions USING btree (user_id, created_at DESC, id DESC)',
  idx_sessions_user_active:
    'CREATE INDEX idx_sessions_user_active ON public.sessions USING btree (user_id, last_active_at DESC, id DESC) WHERE is_active',
  idx_conversation_sessions_session_id:
    'CREATE UNIQUE INDEX idx_conversation_sessions_session_id ON public.conversation_sessions USING btree (session_id, conversation_id) behind PRIMARY KEY (session_id, conversation_id)',
  idx_conversation_sessions_conversation_id:
    'CREATE INDEX idx_conversation_sessions_conversation_id ON public.conversation_sessions USING btree (conversation_id, session_id)',
  idx_chat_messages_session_id:
    'CREATE INDEX idx_chat_messages_session_id ON public.chat_messages USING btree (session_id, created_at DESC, id DESC)',
  idx_chat_messages_conversation_id:
    'CREATE INDEX idx_chat_messages_conversation_id ON public.chat_messages USING btree (conversation_id, created_at, id)',
  idx_chat_messages_session_order:
    'CREATE UNIQUE INDEX idx_chat_messages_session_order ON public.chat_messages USING btree (session_id, "position")',
  idx_chat_messages_role:
    'CREATE INDEX idx_chat_messages_role ON public.chat_messages USING btree (session_id, role, "position")',
  components_version_unique:
    'CREATE UNIQUE INDEX components_version_unique ON public.components USING btree (session_id, name, version) behind UNIQUE (session_id, name, version)',
  idx_components_session_id:
    'CREATE INDEX idx_components_session_id ON public.components USING btree (session_id, created_at DESC, id DESC)',
  idx_components_current:
    'CREATE UNIQUE INDEX idx_components_current ON public.components USING btree (session_id, name) WHERE is_current',
  idx_components_type:
    'CREATE INDEX idx_components_type ON public.components USING btree (session_id, type, created_at DESC, id DESC)',
  idx_ai_interactions_session_id:
    'CREATE INDEX idx_ai_interactions_session_id ON public.ai_interactions USING btree (session_id, created_at DESC, id DESC)',
  idx_ai_interactions_conversation_id:
    'CREATE INDEX idx_ai_interactions_conversation_id ON public.ai_interactions USING btree (conversation_id, created_at DESC, id DESC)',
  ai_responses_interaction_unique:
    'CREATE UNIQUE INDEX ai_responses_interaction_unique ON public.ai_responses USING btree (interaction_id) behind UNIQUE (interaction_id)',
  idx_ai_responses_session_id:
    'CREATE INDEX idx_ai_responses_session_id ON public.ai_responses USING btree (session_id, created_at DESC, id DESC)',
  idx_ai_responses_conversation_id:
    'CREATE INDEX idx_ai_responses_conversation_id ON public.ai_responses USING btree (conversation_id, created_at DESC, id DESC)',
  idx_users_erasure:
    'CREATE INDEX idx_users_erasure ON public.users USING btree (erasure, id) WHERE (erasure IS NOT NULL)',
  idx_notifications_read_at:
    'CREATE INDEX idx_notifications_read_at ON public.notifications USING btree (read_at) WHERE (read_at IS NOT NULL)',
  idx_notifications_unread_created:
    'CREATE INDEX idx_notifications_unread_created ON public.notifications USING btree (created_at) WHERE (read_at IS NULL)',
  idx_pitch_views_viewed_at: 'CREATE INDEX idx_pitch_views_viewed_at ON public.pitch_views USING btree (viewed_at)',
  idx_ai_interactions_created_at:
    'CREATE INDEX idx_ai_interactions_created_at ON public.ai_interactions USING btree (created_at)',
}
