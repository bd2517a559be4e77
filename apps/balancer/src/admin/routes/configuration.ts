// The options that count now, and reading them anew.
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { option as Type } from '@plimsoll/config'
import type { ConfigurationControl } from '../admin-control.ts'
import { AdminError } from '../admin-errors.ts'
import { ReloadedSchema, type ReloadView } from '../admin-views.ts'
import { changeResponses, guardedResponses } from '../openapi.ts'

export interface ConfigurationRoutesOptions {
  readonly configuration: ConfigurationControl
  /** Told of every reload, for the log. */
  readonly onReload: (request: FastifyRequest, result: ReloadView) => void
}

const tags = ['configuration']
const security = [{ token: [] }]

export const configurationRoutes: FastifyPluginCallbackTypebox<ConfigurationRoutesOptions> = (
  app,
  { configuration, onReload },
  done,
) => {
  app.get(
    '/config',
    {
      schema: {
        tags,
        security,
        summary: 'All options that count now, without secrets',
        response: { 200: Type.Unknown({ description: 'As in the file of --config.' }), ...guardedResponses() },
      },
    },
    () => configuration.configuration(),
  )

  app.post(
    '/reload',
    {
      schema: {
        tags,
        security,
        summary: 'Read the configuration anew: one atomic change, or none when it is not valid',
        body: Type.Unsafe<object | null>({
          type: ['object', 'null'],
          additionalProperties: false,
          description: 'Nothing, or an empty object.',
        }),
        response: { 200: ReloadedSchema, ...changeResponses('LB_ERR_ADMIN_RELOAD_REFUSED') },
      },
    },
    async request => {
      const result = await configuration.reload()
      onReload(request, result)
      const { outcome, problems } = result
      if (outcome === 'refused')
        throw new AdminError('LB_ERR_ADMIN_RELOAD_REFUSED', 'Nothing was changed.', {
          issues: problems.map(message => ({ field: 'configuration', message })),
        })
      return { outcome }
    },
  )
  done()
}
