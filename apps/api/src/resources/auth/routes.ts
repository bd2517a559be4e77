// Addresses of the auth resource: schema in, service call, schema out.
//
// * Nothing of it is stored anywhere, whatever a route answers.
// * What brings something to be signed in by (a password, a refresh token) is public; whoever has it may use it.
import type { FastifyRequest } from 'fastify'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { ApiError } from '../../errors.ts'
import type { SignedIn } from '../../plugins/access.ts'
import { problemResponses } from '../../plugins/openapi.ts'
import { PasswordChange, Profile, Refresh, SignedUp, SignIn, SignUp, Tokens, Verified } from './schema.ts'
import type { Origin } from './security-log.ts'
import type { AuthService } from './service.ts'

export interface AuthRoutesOptions {
  readonly service: AuthService
}

/** An address, a name and a password, with room for escapes. */
const MAX_BODY_BYTES = 4096

const tags = ['auth']
const databaseProblems = ['API_ERR_DATABASE_UNAVAILABLE', 'API_ERR_DATABASE_BUSY', 'API_ERR_DATABASE_TIMEOUT'] as const
const writeProblems = ['API_ERR_DATABASE_OUTCOME_UNKNOWN', ...databaseProblems] as const
const Nothing = Type.Null({ description: 'Done.' })

export const authRoutes: FastifyPluginCallbackTypebox<AuthRoutesOptions> = (app, { service }, done) => {
  app.addHook('onSend', (_request, reply, payload, next) => {
    void reply.header('cache-control', 'no-store')
    next(null, payload)
  })
  // RFC 9110, 15.5.2: a 401 says how to do better. The hook of access does so where tokens are asked for.
  app.addHook('onError', (_request, reply, error, next) => {
    if (error instanceof ApiError && error.status === 401) void reply.header('www-authenticate', 'Bearer')
    next()
  })

  app.post(
    '/api/auth/signup',
    {
      config: { access: 'public', limit: 'authentication' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        tags,
        summary: 'Sign up; then log in',
        description:
          'The answer is the same whether the e-mail address was free or not. User names are public, and one that is taken is 409.',
        body: SignUp,
        response: {
          202: SignedUp,
          ...problemResponses(
            'API_ERR_PASSWORD_REFUSED',
            'API_ERR_USERNAME_TAKEN',
            'API_ERR_PASSWORDS_BUSY',
            ...writeProblems,
          ),
        },
      },
    },
    async (request, reply) => {
      const answer = await service.signUp(request.body, originOf(request), request.caller)
      void reply.code(202)
      return answer
    },
  )

  app.post(
    '/api/auth/login',
    {
      config: { access: 'public' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        tags,
        summary: 'Log in by e-mail address and password',
        description: 'Limited by failures, of the account and of the address; who succeeds has used nothing up.',
        body: SignIn,
        response: {
          200: Tokens,
          ...problemResponses(
            'API_ERR_CREDENTIALS',
            'API_ERR_RATE_LIMITED',
            'API_ERR_PASSWORDS_BUSY',
            ...writeProblems,
          ),
        },
      },
    },
    request => service.signIn(request.body, originOf(request), request.caller),
  )

  app.get(
    '/api/auth/verify',
    {
      config: { access: 'user' },
      schema: { tags, summary: 'Whose the access token is, and until when', response: { 200: Verified } },
    },
    // Reading the session is the hook's; there's nothing left to wait for.
    async request => {
      const { userId, userType, expiresAtMs } = userOf(request)
      // The table's check has the same words.
      return { userId, userType: userType as Verified['userType'], expiresAt: new Date(expiresAtMs).toISOString() }
    },
  )

  app.get(
    '/api/auth/profile',
    {
      config: { access: 'user' },
      schema: {
        tags,
        summary: 'The user who is signed in',
        response: { 200: Profile, ...problemResponses('API_ERR_USER_NOT_FOUND', ...databaseProblems) },
      },
    },
    request => service.profile(userOf(request).userId, request.caller),
  )

  app.post(
    '/api/auth/refresh',
    {
      // Not limited here: 256 bits can't be guessed, and one client's wrong ones would stop everybody at its address from renewing.
      config: { access: 'public' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        tags,
        summary: 'The next pair of tokens for a refresh token, which is used up',
        description: 'One that was used before ends the session that it belongs to, with all its tokens.',
        body: Refresh,
        response: { 200: Tokens, ...problemResponses('API_ERR_REFRESH_TOKEN', ...writeProblems) },
      },
    },
    request => service.refresh(request.body, originOf(request), request.caller),
  )

  app.post(
    '/api/auth/logout',
    {
      config: { access: 'public' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        tags,
        summary: 'End the session that a refresh token belongs to; also when it has ended',
        body: Refresh,
        response: { 204: Nothing, ...problemResponses(...writeProblems) },
      },
    },
    async (request, reply) => {
      await service.signOut(request.body, originOf(request), request.caller)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/api/auth/logout-everywhere',
    {
      config: { access: 'user' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        tags,
        summary: 'End all sessions of the user who is signed in',
        response: { 204: Nothing, ...problemResponses(...writeProblems) },
      },
    },
    async (request, reply) => {
      await service.signOutEverywhere(userOf(request).userId, originOf(request), request.caller)
      return reply.code(204).send(null)
    },
  )

  app.put(
    '/api/auth/password',
    {
      config: { access: 'user' },
      bodyLimit: MAX_BODY_BYTES,
      schema: {
        tags,
        summary: 'Change the password of the user who is signed in; all sessions end',
        description: 'A wrong present password counts as a failed log in.',
        body: PasswordChange,
        response: {
          204: Nothing,
          ...problemResponses(
            'API_ERR_PASSWORD_REFUSED',
            'API_ERR_CREDENTIALS',
            'API_ERR_RATE_LIMITED',
            'API_ERR_PASSWORDS_BUSY',
            ...writeProblems,
          ),
        },
      },
    },
    async (request, reply) => {
      await service.changePassword(userOf(request).userId, request.body, originOf(request), request.caller)
      return reply.code(204).send(null)
    },
  )

  done()
}

/** Of routes with access `user`. */
function userOf({ user }: FastifyRequest): SignedIn {
  // The hook has let nobody else in.
  if (user === null) throw new Error('The route is not one of access "user".')
  return user
}

/** On a Unix socket without forwarding fields there is no address, whatever Fastify's types say. */
function originOf({ ip, id }: FastifyRequest): Origin {
  return { address: ip, requestId: id }
}
