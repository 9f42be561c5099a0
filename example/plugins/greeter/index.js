import { greeting } from './lib/greeting.js'

/** Answers GET /hello. */
export default {
  route: '/hello',
  answer: () => greeting(new Date()),
}
