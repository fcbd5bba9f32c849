// LSTM with exponential gates, by heads. Equations: cells/exponential.py.
//
// Memory c and normaliser n are used as c / n alone. So this loop holds that ratio, a running
// mean of the candidates, and log n, instead of both of them divided by a scale: a step takes the
// share a = i / n of the new candidate, and nothing can overflow. It keeps one state fewer for
// the gradient.
#pragma once

#include <limits>

#include "functions.h"
#include "loop.h"

// Head by head: input (kept as share), forget (kept as 1 - gate), candidate, output.
template <class T>
struct ExponentialForward {
    const int64_t heads, width;
    Steps<const T> inputs;
    Steps<T> gates, ratio, states;
    Before<T> ratio_before, states_before;
    std::vector<Matrix<T>> recurrent;
    Carry<T> log_normaliser;

    ExponentialForward(const int64_t* sizes, const Array* a)
        : heads(sizes[OWN]), width(sizes[OWN + 1]), inputs(a[0]), gates(a[1]), ratio(a[2]),
          states(a[3]), ratio_before(ratio, heads * width), states_before(states, heads * width),
          log_normaliser(sizes[BATCH], heads * width) {
        for (int64_t head = 0; head < heads; ++head)
            recurrent.emplace_back(
                values<T>(a[4]) + head * 4 * width * width, 4 * width, width, width, 1);
        for (T& value : log_normaliser.values) value = -std::numeric_limits<T>::infinity();
    }

    void step(Part part, int64_t t) {
        for (int64_t head = 0; head < heads; ++head) {
            const int64_t unit = head * width;
            recurrent[head].product(
                states_before.rows(part, t).columns(unit),
                inputs.rows(part, t).columns(4 * unit),
                gates.rows(part, t).columns(4 * unit), part.count());
            for (int64_t r = part.begin; r < part.end; ++r) {
                const T* mean_before = ratio_before.at(r, t) + unit;
                T *mean = ratio.at(r, t) + unit, *h = states.at(r, t) + unit;
                T *log_n = log_normaliser.at(r) + unit, *input = gates.at(r, t) + 4 * unit;
                T *forget = input + width, *candidate = forget + width;
                T* output = candidate + width;
                EACH for (int64_t j = 0; j < width; ++j) {
                    // Of e^-|x|: sigmoid(x), sigmoid(-x), and log(sigmoid(x)) to be.
                    const T f = forget[j], small_f = exponential(-std::abs(f));
                    const T log_f = std::min(f, T(0)) - log_one_plus(small_f);
                    const T kept = log_f + log_n[j], enter = input[j], lead = enter - kept;
                    const T small = exponential(-std::abs(lead));
                    const T share = (lead > 0 ? T(1) : small) / (1 + small);
                    const T z = tangent(candidate[j]), o = sigmoid(output[j]);
                    const T now = mean_before[j] + share * (z - mean_before[j]);
                    log_n[j] = std::max(enter, kept) + log_one_plus(small);
                    input[j] = share;
                    forget[j] = (f > 0 ? small_f : T(1)) / (1 + small_f);
                    candidate[j] = z;
                    output[j] = o;
                    mean[j] = now;
                    h[j] = o * now;
                }
            }
        }
    }
};

template <class T>
struct ExponentialBackward {
    const int64_t heads, width;
    Steps<const T> gates, d_states;
    Steps<T> ratio, d_gates;
    Before<T> ratio_before;
    std::vector<Matrix<T>> recurrent;
    Carry<T> d_hidden, d_ratio, d_log_normaliser;

    ExponentialBackward(const int64_t* sizes, const Array* a)
        : heads(sizes[OWN]), width(sizes[OWN + 1]), gates(a[0]), d_states(a[1]), ratio(a[2]),
          d_gates(a[3]), ratio_before(ratio, heads * width),
          d_hidden(sizes[BATCH], heads * width), d_ratio(sizes[BATCH], heads * width),
          d_log_normaliser(sizes[BATCH], heads * width) {
        for (int64_t head = 0; head < heads; ++head)
            recurrent.emplace_back(
                values<T>(a[4]) + head * 4 * width * width, width, 4 * width, 1, width);
    }

    void step(Part part, int64_t t) {
        for (int64_t head = 0; head < heads; ++head) {
            const int64_t unit = head * width;
            for (int64_t r = part.begin; r < part.end; ++r) {
                const T *mean_before = ratio_before.at(r, t) + unit, *mean = ratio.at(r, t) + unit;
                const T *share = gates.at(r, t) + 4 * unit, *lost = share + width;
                const T *candidate = lost + width, *output = candidate + width;
                T *d_input = d_gates.at(r, t) + 4 * unit, *d_forget = d_input + width;
                T *d_candidate = d_forget + width, *d_output = d_candidate + width;
                const T* d_state = d_states.at(r, t) + unit;
                const T* d_h = d_hidden.at(r) + unit;
                T *d_mean = d_ratio.at(r) + unit, *d_log_n = d_log_normaliser.at(r) + unit;
                EACH for (int64_t j = 0; j < width; ++j) {
                    const T a = share[j], z = candidate[j], o = output[j];
                    const T dh = d_h[j] + d_state[j], dm = d_mean[j] + dh * o;
                    const T d_lead = dm * (z - mean_before[j]) * a * (1 - a);
                    const T d_kept = d_log_n[j] * (1 - a) - d_lead;
                    d_input[j] = d_log_n[j] * a + d_lead;
                    d_forget[j] = d_kept * lost[j];
                    d_candidate[j] = dm * a * (1 - z * z);
                    d_output[j] = dh * mean[j] * o * (1 - o);
                    d_mean[j] = dm * (1 - a);
                    d_log_n[j] = d_kept;
                }
            }
            recurrent[head].product(
                constant(d_gates.rows(part, t)).columns(4 * unit), {nullptr, 0},
                d_hidden.rows(part).columns(unit), part.count());
        }
    }
};

EXPORT(exponential, ExponentialForward, ExponentialBackward)
