// Says at the start what isn't there, so that nobody looks for it in vain or goes without it unawares.
import { categoryLogger, type Logger } from '@plimsoll/telemetry'
import { switchedOff, type Features } from './config/feature-options.ts'

export function logFeatures(logger: Logger, features: Features): void {
  const off = switchedOff(features)
  if (off.length > 0) categoryLogger(logger, 'startup').info({ off }, 'Some parts are switched off')
  // Also where only warnings are logged.
  if (!features.security)
    categoryLogger(logger, 'security').warn(
      'features.security is off: content policy, CORS and HSTS have to come from what is in front of this service',
    )
}
