import * as z from 'zod/mini';

export const newReservationName = z.string().check(z.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,59}$/, 'letters, digits, dots, dashes and underscores, 60 at most'), z.describe('Name of the reservation, for you.'));
/** Of one that is there; scitex-hpc is freer in what it takes. */
export const reservationName = z.string().check(z.minLength(1), z.maxLength(200), z.describe('Name or id of a reservation.'));
